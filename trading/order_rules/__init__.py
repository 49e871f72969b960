"""What an order may be, become, reserve and cost: the rules of orders, without tables, clock or venue.

Source: docs/orders.md
"""
