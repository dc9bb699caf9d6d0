//! The measurements of es-runtime; run them with `cargo bench -p es-benches`.
