CREATE TABLE {order_summaries} (
    order_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    placed_on   TEXT NOT NULL,
    cds         BIGINT NOT NULL,
    total_cents BIGINT NOT NULL,
    status      TEXT NOT NULL
);

CREATE INDEX {order_summaries_by_customer} ON {order_summaries} (customer_id);
