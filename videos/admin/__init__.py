"""The admin: what owners see of everybody's generations, and the few actions on them.

Nothing here writes a status: an action asks the model for a move, and reports how many rows made it. Signed
links, tokens and leases are on no page. Django imports this package when it starts; each module registers its lists.
"""

from videos.admin import generations, money, people, providers, remote_accounts, reviews, system, videos

__all__ = ["generations", "money", "people", "providers", "remote_accounts", "reviews", "system", "videos"]
