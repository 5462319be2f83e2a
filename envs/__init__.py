"""Gymnasium environments of marketic, and compiled twins of the classic ones."""

if __name__ != "marketic.envs":
    raise ImportError("import marketic.envs, not envs")

from gymnasium import register

register("marketic/Bandit-v0", entry_point="marketic.envs.chain_tasks:Bandit", max_episode_steps=1)
register("marketic/Chain-v0", entry_point="marketic.envs.chain_tasks:Chain", max_episode_steps=20)
register("marketic/Duality-v0", entry_point="marketic.envs.chain_tasks:Duality", max_episode_steps=10)
