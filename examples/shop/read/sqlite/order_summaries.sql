CREATE TABLE {order_summaries} (
    order_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    placed_on   TEXT NOT NULL,
    cds         INTEGER NOT NULL,
    total_cents INTEGER NOT NULL,
    status      TEXT NOT NULL
) STRICT;

CREATE INDEX {order_summaries_by_customer} ON {order_summaries} (customer_id);
