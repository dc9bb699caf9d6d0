fn main() {
    let _ = es_sagas::Sagas::new(es_runtime::MemoryStore::new()).with_process_manager::<u8>();
}
