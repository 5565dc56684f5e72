"""SELENA: heads that never saw a pair teach the head that is kept what to say of it."""
