SELECT 1;
/* legal in SQLite; SELECT 2;
