-- upgrade

CREATE VIEW order_totals AS
SELECT
    orders.id AS order_id,
    orders.customer_id,
    orders.status,
    count(order_items.line) AS items,
    coalesce(sum(order_items.quantity * order_items.unit_price_cents), 0) AS total_cents
FROM orders
LEFT JOIN order_items ON order_items.order_id = orders.id
GROUP BY orders.id;

CREATE VIEW order_balances AS
SELECT
    order_totals.order_id,
    order_totals.total_cents,
    (
        SELECT coalesce(sum(amount_cents), 0)
        FROM payments
        WHERE payments.order_id = order_totals.order_id AND payments.state = 'captured'
    ) AS paid_cents
FROM order_totals;

-- rollback

DROP VIEW order_balances;
DROP VIEW order_totals;
