"""Compiled twins of Gymnasium's CartPole, MountainCar and Acrobot, with their arithmetic line by line.

The constants are read from the environment, so a heavier pole is a heavier pole here too. Observations are rounded to
float32, as Gymnasium's are; states stay float64.
"""

import math

import numpy as np
from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv, MountainCarEnv
from numba import njit

from marketic.dynamics import Dynamics
from marketic.errors import InputError


def cart_pole(env: CartPoleEnv, time_limit: int) -> Dynamics:
    """The twin of a CartPole (Barto, Sutton and Anderson 1983), state [x, x', angle, angle']. Euler integration only."""
    if env.kinematics_integrator != "euler":
        raise InputError(
            f"CartPole with kinematics_integrator={env.kinematics_integrator!r} has no compiled twin: wanted 'euler'"
        )
    reals = np.array([
        env.gravity, env.masspole, env.total_mass, env.length, env.polemass_length, env.force_mag, env.tau,
        env.theta_threshold_radians, env.x_threshold, float(env._sutton_barto_reward),
    ])  # fmt: skip
    return Dynamics(reset_cart_pole, step_cart_pole, 4, 4, reset_draws=4, time_limit=time_limit, reals=reals)


@njit(cache=True)
def reset_cart_pole(state, uniform, integers, reals, observation):  # type: ignore[no-untyped-def]
    """All four numbers uniform on [-0.05, 0.05)."""
    for i in range(4):
        state[i] = -0.05 + (0.05 + 0.05) * uniform[i]
        observation[i] = np.float32(state[i])


@njit(cache=True)
def step_cart_pole(state, action, uniform, integers, reals, observation, outcome):  # type: ignore[no-untyped-def]
    """One Euler step; over when the pole leans or the cart is too far out."""
    gravity, masspole, total_mass, length, polemass_length = reals[0], reals[1], reals[2], reals[3], reals[4]
    tau, furthest_angle, furthest, zero_reward = reals[6], reals[7], reals[8], reals[9] > 0.0
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    force = reals[5] if action == 1 else -reals[5]
    costheta, sintheta = math.cos(theta), math.sin(theta)
    temp = (force + polemass_length * (theta_dot * theta_dot) * sintheta) / total_mass
    thetaacc = (gravity * sintheta - costheta * temp) / (
        length * (4.0 / 3.0 - masspole * (costheta * costheta) / total_mass)
    )
    xacc = temp - polemass_length * thetaacc * costheta / total_mass
    x = x + tau * x_dot
    theta = theta + tau * theta_dot
    state[0], state[1], state[2], state[3] = x, x_dot + tau * xacc, theta, theta_dot + tau * thetaacc
    for i in range(4):
        observation[i] = np.float32(state[i])
    over = x < -furthest or x > furthest or theta < -furthest_angle or theta > furthest_angle
    outcome[0] = (-1.0 if over else 0.0) if zero_reward else 1.0
    outcome[1] = 1.0 if over else 0.0


def mountain_car(env: MountainCarEnv, time_limit: int) -> Dynamics:
    """The twin of a MountainCar (Moore 1990), state [position, velocity]."""
    reals = np.array([
        env.min_position, env.max_position, env.max_speed, env.goal_position, env.goal_velocity, env.force, env.gravity,
    ], dtype=float)  # fmt: skip
    return Dynamics(reset_mountain_car, step_mountain_car, 2, 2, reset_draws=1, time_limit=time_limit, reals=reals)


@njit(cache=True)
def reset_mountain_car(state, uniform, integers, reals, observation):  # type: ignore[no-untyped-def]
    """Position uniform on [-0.6, -0.4), at rest."""
    state[0], state[1] = -0.6 + (-0.4 + 0.6) * uniform[0], 0.0
    observation[0], observation[1] = np.float32(state[0]), np.float32(0.0)


@njit(cache=True)
def step_mountain_car(state, action, uniform, integers, reals, observation, outcome):  # type: ignore[no-untyped-def]
    """Gravity along the curve sin(3 x), a weak engine, walls at both ends; over at the flag."""
    lowest, highest, max_speed, goal, goal_velocity = reals[0], reals[1], reals[2], reals[3], reals[4]
    position, velocity = state[0], state[1]
    velocity += (action - 1) * reals[5] + math.cos(3 * position) * (-reals[6])
    velocity = min(max(velocity, -max_speed), max_speed)
    position = min(max(position + velocity, lowest), highest)
    if position == lowest and velocity < 0.0:
        velocity = 0.0
    state[0], state[1] = position, velocity
    observation[0], observation[1] = np.float32(position), np.float32(velocity)
    outcome[0] = -1.0
    outcome[1] = 1.0 if position >= goal and velocity >= goal_velocity else 0.0


def acrobot(env: AcrobotEnv, time_limit: int) -> Dynamics:
    """The twin of an Acrobot (Sutton 1996), state [angle 1, angle 2, their velocities], with the book's equations."""
    if env.book_or_nips != "book" or env.torque_noise_max > 0:
        raise InputError(
            "Acrobot with the NIPS equations or with torque noise has no compiled twin: use compiled=False"
        )
    reals = np.array([
        env.dt, env.LINK_MASS_1, env.LINK_MASS_2, env.LINK_LENGTH_1, env.LINK_COM_POS_1, env.LINK_COM_POS_2, env.LINK_MOI,
        env.MAX_VEL_1, env.MAX_VEL_2, *env.AVAIL_TORQUE,
    ], dtype=float)  # fmt: skip
    return Dynamics(reset_acrobot, step_acrobot, 4, 6, reset_draws=4, time_limit=time_limit, reals=reals)


@njit(cache=True)
def _see_acrobot(state, observation):  # type: ignore[no-untyped-def]
    observation[0], observation[1] = np.float32(math.cos(state[0])), np.float32(math.sin(state[0]))
    observation[2], observation[3] = np.float32(math.cos(state[1])), np.float32(math.sin(state[1]))
    observation[4], observation[5] = np.float32(state[2]), np.float32(state[3])


@njit(cache=True)
def reset_acrobot(state, uniform, integers, reals, observation):  # type: ignore[no-untyped-def]
    """All four numbers uniform on [-0.1, 0.1), in float32."""
    for i in range(4):
        state[i] = np.float32(-0.1 + (0.1 + 0.1) * uniform[i])
    _see_acrobot(state, observation)


@njit(cache=True)
def _accelerations(theta1, theta2, dtheta1, dtheta2, torque, reals):  # type: ignore[no-untyped-def]
    m1, m2, l1, lc1, lc2, moment = reals[1], reals[2], reals[3], reals[4], reals[5], reals[6]
    g = 9.8
    d1 = m1 * lc1**2 + m2 * (l1**2 + lc2**2 + 2 * l1 * lc2 * math.cos(theta2)) + moment + moment
    d2 = m2 * (lc2**2 + l1 * lc2 * math.cos(theta2)) + moment
    phi2 = m2 * lc2 * g * math.cos(theta1 + theta2 - math.pi / 2.0)
    phi1 = (
        -m2 * l1 * lc2 * dtheta2**2 * math.sin(theta2)
        - 2 * m2 * l1 * lc2 * dtheta2 * dtheta1 * math.sin(theta2)
        + (m1 * lc1 + m2 * l1) * g * math.cos(theta1 - math.pi / 2)
        + phi2
    )
    ddtheta2 = (torque + d2 / d1 * phi1 - m2 * l1 * lc2 * dtheta1**2 * math.sin(theta2) - phi2) / (
        m2 * lc2**2 + moment - d2**2 / d1
    )
    return -(d2 * ddtheta2 + phi1) / d1, ddtheta2


@njit(cache=True)
def _wrap(angle):  # type: ignore[no-untyped-def]
    while angle > math.pi:
        angle -= 2 * math.pi
    while angle < -math.pi:
        angle += 2 * math.pi
    return angle


@njit(cache=True)
def step_acrobot(state, action, uniform, integers, reals, observation, outcome):  # type: ignore[no-untyped-def]
    """One fourth-order Runge-Kutta step; over when the tip is above the bar."""
    dt, torque = reals[0], reals[9 + action]
    a, b, c, d = state[0], state[1], state[2], state[3]
    half = dt / 2.0
    e1, f1 = _accelerations(a, b, c, d, torque, reals)
    c2, d2 = c + half * e1, d + half * f1
    e2, f2 = _accelerations(a + half * c, b + half * d, c2, d2, torque, reals)
    c3, d3 = c + half * e2, d + half * f2
    e3, f3 = _accelerations(a + half * c2, b + half * d2, c3, d3, torque, reals)
    c4, d4 = c + dt * e3, d + dt * f3
    e4, f4 = _accelerations(a + dt * c3, b + dt * d3, c4, d4, torque, reals)
    sixth = dt / 6.0
    state[0] = _wrap(a + sixth * (c + 2 * c2 + 2 * c3 + c4))
    state[1] = _wrap(b + sixth * (d + 2 * d2 + 2 * d3 + d4))
    state[2] = min(max(c + sixth * (e1 + 2 * e2 + 2 * e3 + e4), -reals[7]), reals[7])
    state[3] = min(max(d + sixth * (f1 + 2 * f2 + 2 * f3 + f4), -reals[8]), reals[8])
    _see_acrobot(state, observation)
    over = -math.cos(state[0]) - math.cos(state[1] + state[0]) > 1.0
    outcome[0] = 0.0 if over else -1.0
    outcome[1] = 1.0 if over else 0.0
