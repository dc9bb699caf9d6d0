CREATE TABLE {customers} (
    customer_id   TEXT PRIMARY KEY,
    registered_on TEXT,
    regular       BOOLEAN NOT NULL DEFAULT FALSE,
    orders        BIGINT NOT NULL DEFAULT 0,
    cds           BIGINT NOT NULL DEFAULT 0,
    spent_cents   BIGINT NOT NULL DEFAULT 0,
    store_credit_cents BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX {customers_by_spending} ON {customers} (spent_cents DESC, customer_id);

-- What a cancelled order has to take away again; its event does not say it.
CREATE TABLE {customer_orders} (
    order_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    cds         BIGINT NOT NULL,
    cents       BIGINT NOT NULL
);
