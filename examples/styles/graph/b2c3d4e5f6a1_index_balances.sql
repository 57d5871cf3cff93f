-- revision: b2c3d4e5f6a1
-- down_revision: f6e5d4c3b2a1
-- branch: balances

-- upgrade

CREATE INDEX ix_api_keys_balance ON api_keys (balance) WHERE balance > 0;

-- rollback

DROP INDEX ix_api_keys_balance;
