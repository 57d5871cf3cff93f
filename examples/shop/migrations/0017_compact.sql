-- The rebuild of 0013 leaves free pages behind. VACUUM refuses a transaction, so the statements run one by one, and the
-- journal knows which of them are done.
-- no-transaction

-- upgrade

REINDEX;

VACUUM;

-- rollback

-- Nothing to undo: VACUUM changes no data. A rollback needs a statement all the same.
SELECT 'nothing to undo';
