-- depends_on: ["0006"]

-- upgrade

CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    provider TEXT NOT NULL,
    provider_reference TEXT,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'captured', 'failed', 'refunded')),
    paid_at TEXT
);

-- A reference comes with the provider's answer; until then there is none, and any number of payments may wait for one.
CREATE UNIQUE INDEX payments_reference ON payments (provider, provider_reference)
    WHERE provider_reference IS NOT NULL;

CREATE INDEX payments_order_id ON payments (order_id);

-- rollback

DROP TABLE payments;
