"""The builder: creates bundles on a connected machine and never ships. Main modules: plan, build, rebuild."""
