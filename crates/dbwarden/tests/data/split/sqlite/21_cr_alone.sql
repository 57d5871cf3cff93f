SELECT 1;SELECT 2;-- in SQLite CR does not end a commentSELECT 3;
SELECT 4;
