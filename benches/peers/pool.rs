//! A pool of sqlx with a connection for each caller. The programs have different versions of sqlx, so each of them
//! compiles this.

use bench_common::{Arguments, CALLERS};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub(crate) async fn postgres(arguments: &Arguments) -> PgPool {
    let to = arguments.postgres();
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&to.host)
        .port(to.port)
        .username(&to.user)
        .database(&to.database);
    let connections = u32::try_from(CALLERS).unwrap();
    let pool = PgPoolOptions::new().max_connections(connections);
    pool.connect_with(options).await.unwrap()
}
