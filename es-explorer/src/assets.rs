//! The page and its files. All of them are in the program.

use axum::{
    Router,
    extract::OriginalUri,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};

const PAGE: &str = include_str!("../assets/index.html");
const ICON: &str = include_str!("../assets/icon.svg");
const STYLE: &str = include_str!("../assets/app.css");

/// The scripts, which import each other by these names.
const SCRIPTS: [(&str, &str); 16] = [
    ("/app.js", include_str!("../assets/app.js")),
    ("/api.js", include_str!("../assets/api.js")),
    ("/act.js", include_str!("../assets/act.js")),
    ("/dom.js", include_str!("../assets/dom.js")),
    ("/event.js", include_str!("../assets/event.js")),
    ("/overview.js", include_str!("../assets/overview.js")),
    ("/streams.js", include_str!("../assets/streams.js")),
    ("/stream.js", include_str!("../assets/stream.js")),
    ("/events.js", include_str!("../assets/events.js")),
    ("/trace.js", include_str!("../assets/trace.js")),
    ("/lag.js", include_str!("../assets/lag.js")),
    ("/parked.js", include_str!("../assets/parked.js")),
    ("/sagas.js", include_str!("../assets/sagas.js")),
    ("/instance.js", include_str!("../assets/instance.js")),
    ("/state.js", include_str!("../assets/state.js")),
    ("/catalogue.js", include_str!("../assets/catalogue.js")),
];

pub(crate) fn router() -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || std::future::ready(([(CONTENT_TYPE, kind)], text)))
    };
    let mut router = Router::new()
        .route("/", get(page))
        .route("/icon.svg", file("image/svg+xml", ICON))
        .route("/app.css", file("text/css; charset=utf-8", STYLE));
    for (path, script) in SCRIPTS {
        router = router.route(path, file("text/javascript; charset=utf-8", script));
    }
    router
}

/// The page names its files relative to itself, wherever it is mounted, and with or without a slash at the end.
async fn page(OriginalUri(uri): OriginalUri) -> Response {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let base = if last.is_empty() {
        "./".to_owned()
    } else {
        format!("./{}/", escaped(last))
    };
    let page = PAGE.replace("{base}", &base);
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// Text in an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}
