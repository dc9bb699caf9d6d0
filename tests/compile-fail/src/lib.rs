//! Nothing: the cases stand in `ui/`, and `tests/compile` runs them.
