SELECT 'a;'
  'b;\';
SELECT E'a'
  'b\';' -- one more
  '\';c';
SELECT E'a' AS b, 'b\';
