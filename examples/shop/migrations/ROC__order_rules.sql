-- What an order and a payment may become. The file is run again when a rule changes, so it drops before it makes.
-- depends_on: ["0008"]

DROP TRIGGER IF EXISTS order_items_only_while_open;

CREATE TRIGGER order_items_only_while_open BEFORE INSERT ON order_items
WHEN (SELECT status FROM orders WHERE id = NEW.order_id) <> 'open'
BEGIN
    SELECT RAISE(ABORT, 'items can be added to an open order alone');
END;

DROP TRIGGER IF EXISTS payments_keep_their_amount;

CREATE TRIGGER payments_keep_their_amount BEFORE UPDATE OF amount_cents ON payments WHEN OLD.state <> 'pending'
BEGIN
    SELECT RAISE(ABORT, 'the amount of a payment that was answered stays as it is');
END;

DROP TRIGGER IF EXISTS orders_follow_their_states;

CREATE TRIGGER orders_follow_their_states BEFORE UPDATE OF status ON orders
WHEN NEW.status <> OLD.status AND NOT CASE OLD.status
    WHEN 'open' THEN NEW.status IN ('paid', 'cancelled')
    WHEN 'paid' THEN NEW.status IN ('shipped', 'cancelled')
    ELSE 0
END
BEGIN
    SELECT RAISE(ABORT, 'an order cannot become this from what it is');
END;
