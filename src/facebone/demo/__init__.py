"""The demo: a web app in which people verify pictures and watch attacks on their own machine."""
