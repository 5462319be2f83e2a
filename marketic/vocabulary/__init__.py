"""What is known about tasks by name, so that agents, logs and pages speak of them in the same words."""
