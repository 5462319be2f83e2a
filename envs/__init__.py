"""Gymnasium environments of marketic, and compiled twins of the classic ones."""

if __name__ != "marketic.envs":
    raise ImportError("import marketic.envs, not envs")

from gymnasium import register

register("marketic/Bandit-v0", entry_point="marketic.envs.chain_tasks:Bandit", max_episode_steps=1)
register("marketic/Chain-v0", entry_point="marketic.envs.chain_tasks:Chain", max_episode_steps=20)
register("marketic/Duality-v0", entry_point="marketic.envs.chain_tasks:Duality", max_episode_steps=10)
register(
    "marketic/MachineMaintenance-v0",
    entry_point="marketic.envs.machine_maintenance:MachineMaintenance",
    max_episode_steps=200,
)
register("marketic/SysAdmin-v0", entry_point="marketic.envs.sysadmin:SysAdmin", max_episode_steps=200)
for task, module in (
    ("Production", "production"),
    ("ResourceAllocation", "resource_allocation"),
    ("LQEconomy", "lq_economy"),
):
    register(f"marketic/{task}-v0", entry_point=f"marketic.envs.{module}:{task}", max_episode_steps=200)
for task in ("Multiplexer", "Majority", "Carry", "Parity"):
    register(f"marketic/{task}-v0", entry_point=f"marketic.envs.boolean:{task}", max_episode_steps=1)
for maze in ("Woods1", "Woods2", "Woods14", "Maze4", "Maze5", "Maze6", "Maze10"):
    register(
        f"marketic/{maze}-v0", entry_point="marketic.envs.woods:Woods", kwargs={"maze": maze}, max_episode_steps=50
    )
register("marketic/BlocksWorld-v0", entry_point="marketic.envs.blocks_world:BlocksWorld")
register("marketic/RubiksCube-v0", entry_point="marketic.envs.rubiks_cube:RubiksCube", max_episode_steps=1000)
register(
    "marketic/PostProduction-v0", entry_point="marketic.envs.post_production:PostProduction", max_episode_steps=100
)
