-- Made anew by each run: a view costs nothing to make, and is never out of step with the tables.
-- depends_on: ["0013"]

DROP VIEW IF EXISTS sales_by_product;

CREATE VIEW sales_by_product AS
SELECT
    products.id AS product_id,
    products.sku,
    products.name,
    coalesce(sum(order_items.quantity), 0) AS sold,
    coalesce(sum(order_items.quantity * order_items.unit_price_cents), 0) AS revenue_cents
FROM products
LEFT JOIN order_items ON order_items.product_id = products.id
GROUP BY products.id;
