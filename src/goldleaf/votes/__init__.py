"""Sources of opinions on items: replayed answers and callables; later functions, models and crowds."""
