-- What the shop's pages ask for.

-- upgrade

CREATE INDEX orders_by_customer ON orders (customer_id, ordered_at DESC);

-- The warehouse looks at a handful of orders among all those that are long done.
CREATE INDEX orders_to_ship ON orders (ordered_at) WHERE status = 'paid';

CREATE INDEX order_items_product_id ON order_items (product_id);

CREATE INDEX products_name ON products (name COLLATE NOCASE) WHERE is_listed = 1;

-- rollback

DROP INDEX products_name;
DROP INDEX order_items_product_id;
DROP INDEX orders_to_ship;
DROP INDEX orders_by_customer;
