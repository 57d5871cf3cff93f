-- upgrade
SELECT 1;
SELECT
  2; -- two

-- rollback
SELECT 3