CREATE TABLE {sales_by_month} (
    month  TEXT PRIMARY KEY,
    orders BIGINT NOT NULL,
    cents  BIGINT NOT NULL
);

-- What a cancelled order has to take away again; its event does not say it.
CREATE TABLE {sold_orders} (
    order_id TEXT PRIMARY KEY,
    month    TEXT NOT NULL,
    cents    BIGINT NOT NULL
);
