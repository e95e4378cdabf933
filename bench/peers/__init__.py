"""The engines that ours is compared with, run as scripts in an environment of their own."""
