SELECT [1, 2, ';'], {'a;': 1}, x -> x + 1, MAP {'k': 1}; SELECT 2;
