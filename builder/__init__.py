"""Makes the bundles, on a connected machine; never ships. Here are its stories: plan, build, rebuild."""
