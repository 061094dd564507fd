"""The builder, which creates bundles on a connected machine and is not shipped. Main modules: plan, build, rebuild."""
