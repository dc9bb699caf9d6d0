CREATE TABLE {sales_by_month} (
    month  TEXT PRIMARY KEY,
    orders INTEGER NOT NULL,
    cents  INTEGER NOT NULL
) STRICT;

-- What a cancelled order has to take away again; its event does not say it.
CREATE TABLE {sold_orders} (
    order_id TEXT PRIMARY KEY,
    month    TEXT NOT NULL,
    cents    INTEGER NOT NULL
) STRICT;
