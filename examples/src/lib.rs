//! The examples of es-runtime. Each is a program of its own: `shop` and `bank`.
