-- depends_on: ["0006", "0008"]

-- upgrade

CREATE TABLE order_events (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    happened_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    what TEXT NOT NULL
);

CREATE INDEX order_events_order_id ON order_events (order_id, happened_at);

-- Orders that are there already begin with what is known of them.
INSERT INTO order_events (order_id, happened_at, what)
SELECT id, ordered_at, 'ordered' FROM orders;

CREATE TRIGGER orders_logged AFTER INSERT ON orders
BEGIN
    INSERT INTO order_events (order_id, what) VALUES (NEW.id, 'ordered');
END;

CREATE TRIGGER orders_status_logged AFTER UPDATE OF status ON orders WHEN OLD.status <> NEW.status
BEGIN
    INSERT INTO order_events (order_id, what)
    VALUES (
        NEW.id,
        CASE NEW.status
            WHEN 'paid' THEN 'paid'
            WHEN 'shipped' THEN CASE WHEN OLD.status = 'paid' THEN 'shipped' ELSE 'shipped; not yet paid' END
            ELSE OLD.status || ' -> ' || NEW.status
        END
    );
END;

-- rollback

DROP TRIGGER orders_status_logged;
DROP TRIGGER orders_logged;
DROP TABLE order_events;
