CREATE TABLE {customers} (
    customer_id   TEXT PRIMARY KEY,
    registered_on TEXT,
    regular       INTEGER NOT NULL DEFAULT 0,
    orders        INTEGER NOT NULL DEFAULT 0,
    cds           INTEGER NOT NULL DEFAULT 0,
    spent_cents   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX {customers_by_spending} ON {customers} (spent_cents DESC, customer_id);

-- What a cancelled order has to take away again; its event does not say it.
CREATE TABLE {customer_orders} (
    order_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    cds         INTEGER NOT NULL,
    cents       INTEGER NOT NULL
) STRICT;
