"""Programs that import and compile an application's modules, so that later starts find their bytecode."""
