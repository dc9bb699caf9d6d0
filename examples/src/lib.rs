//! The examples of es-runtime. Each is a program of its own: `shop`, `bank`, `quickstart` and the steps of the tutorial.
