use std::path::PathBuf;

use super::*;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("static/sub")).expect("the temporary folder can be written");
        for (file, text) in [
            ("secret.txt", "secret"),
            ("static/index.html", "<h1>index</h1>"),
            ("static/style.css", "h1 {}"),
            ("static/sub/index.html", "<h1>sub</h1>"),
        ] {
            std::fs::write(folder.join(file), text).expect("the temporary folder can be written");
        }
        Self(folder)
    }

    fn files(&self) -> PathBuf {
        self.0.join("static")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn what_the_program_carries_is_served() {
    let mut config = HttpConfig::default();
    config.page("<h1>hello</h1>");
    config.asset("/img/logo.svg", "image/svg+xml", "<svg/>");
    let house = House::open(Limits::default(), &config).await;
    for (path, content_type, body) in [
        ("/", "text/html; charset=utf-8", "<h1>hello</h1>"),
        ("/img/logo.svg?v=1", "image/svg+xml", "<svg/>"),
        (
            "/switchboard.js",
            "text/javascript; charset=utf-8",
            switchboard_javascript::MODULE,
        ),
        (
            "/switchboard/msgpack.js",
            "text/javascript; charset=utf-8",
            switchboard_javascript::MESSAGE_PACK,
        ),
    ] {
        let answer = house.ask(&get(path)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert_eq!(answer.headers["content-type"], content_type);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-cache");
    }
    let answer = house.ask(&get("/missing")).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (404, "there is nothing at /missing\n")
    );
    assert_eq!(house.ask(&get("/").replace("GET", "DELETE")).await.status, 405);
    assert_eq!(
        house.ask(&get("/switchboard.js").replace("GET", "POST")).await.status,
        405
    );
}

#[tokio::test]
async fn a_browser_that_has_it_is_told_so() {
    let mut config = HttpConfig::default();
    config.asset("/other.js", "text/javascript", "other");
    let house = House::open(Limits::default(), &config).await;
    let tag = house.ask(&get("/switchboard.js")).await.headers["etag"].clone();
    for (known, status) in [
        (tag.clone(), 304),
        (format!("W/{tag}"), 304),
        (format!("\"old\", {tag}"), 304),
        ("*".to_owned(), 304),
        ("\"old\"".to_owned(), 200),
    ] {
        let request = format!("GET /switchboard.js HTTP/1.1\r\nHost: a\r\nIf-None-Match: {known}\r\n\r\n");
        let answer = house.ask(&request).await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.headers["etag"], tag);
        assert_eq!(answer.body.is_empty(), status == 304);
    }
    assert_ne!(house.ask(&get("/other.js")).await.headers["etag"], tag);
}

#[tokio::test]
async fn a_folder_is_served_and_nothing_beside_it() {
    let folder = Folder::new("nested");
    let mut config = HttpConfig::default();
    config.files("/static", folder.files());
    let house = House::open(Limits::default(), &config).await;
    let answer = house.ask(&get("/static/style.css")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "h1 {}"));
    assert_eq!(answer.headers["content-type"], "text/css");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(house.ask(&get("/static/")).await.body, "<h1>index</h1>");
    assert_eq!(house.ask(&get("/static/sub")).await.headers["location"], "/static/sub/");
    for path in [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/sub/../../secret.txt",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/..%5csecret.txt",
        "/static/style.css%00",
        "/static/missing",
        "/style.css",
    ] {
        let answer = house.ask(&get(path)).await;
        assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
        assert!(
            !answer.body.contains("secret\n") && !answer.body.contains("root:"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_folder_at_the_root_lets_everything_else_through() {
    let folder = Folder::new("root");
    let mut config = HttpConfig::default();
    config.files("/", folder.files());
    config.extra(Router::new().route("/api", axum::routing::any(async || "api")));
    let house = House::open(Limits::default(), &config).await;
    for (path, body) in [
        ("/", "<h1>index</h1>"),
        ("/style.css", "h1 {}"),
        ("/api", "api"),
        ("/switchboard.js", switchboard_javascript::MODULE),
    ] {
        assert_eq!(house.ask(&get(path)).await.body, body, "{path}");
    }
    assert_eq!(house.ask(&get("/api").replace("GET", "POST")).await.body, "api");
    assert_eq!(house.ask(&get("/missing")).await.status, 404);
    assert_eq!(house.ask(&opening(&[])).await.status, 101);
}

#[tokio::test]
async fn the_applications_own_routes_come_first_at_the_root() {
    let api = Router::new().route("/api", axum::routing::get(async || "api"));
    let root = Router::new().route("/", axum::routing::get(async || "their page"));
    let fallback = Router::new().fallback(async || (StatusCode::IM_A_TEAPOT, "their fallback"));

    let mut config = HttpConfig::default();
    config.page("our page");
    config.extra(api.clone());
    let house = House::open(Limits::default(), &config).await;
    assert_eq!(house.ask(&get("/")).await.body, "our page");
    assert_eq!(house.ask(&get("/api")).await.body, "api");

    let mut config = HttpConfig::default();
    config.page("our page");
    config.extra(api);
    config.extra(root);
    config.extra(fallback);
    let house = House::open(Limits::default(), &config).await;
    assert_eq!(house.ask(&get("/")).await.body, "their page");
    assert_eq!(house.ask(&get("/api")).await.body, "api");
    assert_eq!(house.ask(&get("/missing")).await.body, "their fallback");
    assert_eq!(house.ask(&opening(&[])).await.status, 101);
}

#[test]
fn everything_that_cannot_be_served_is_named_at_once() {
    let mut config = HttpConfig::default();
    config.path("ws");
    config.allow_origin("example.org");
    config.trust_proxy("proxy");
    config.page("page");
    config.asset("/", "text/html", "another");
    config.asset("/switchboard.js", "text/javascript", "another");
    config.asset("/{name}", "text/plain", "captured");
    config.asset("/ok", "text/\nplain", "split");
    config.asset("/a/../b", "text/plain", "dots");
    config.files("/files", "no/such/folder");
    let (host, _opened) = TestHost::new();
    let door = Door::of(host, Arc::default(), &config);
    let error = application(&door, &config, &"public".into(), Encodings::Native).expect_err("it is all wrong");
    let text = error.to_string();
    for part in [
        "\"ws\" cannot be the path of the WebSocket endpoint",
        "allow_origin(\"example.org\")",
        "trust_proxy(\"proxy\")",
        "/ is given twice: the page and an asset",
        "/switchboard.js is given twice",
        "\"/{name}\" cannot be the path",
        "\"text/\\nplain\" cannot be a Content-Type",
        "\"/a/../b\" cannot be the path",
        "there is no folder no/such/folder",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert_eq!(text.lines().count(), 9);
}

#[test]
fn what_stands_twice_is_found_wherever_it_stands() {
    let here = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    type Set = fn(&mut HttpConfig);
    let cases: &[(Set, &str)] = &[
        (|config| config.path("/switchboard.js"), "the WebSocket endpoint"),
        (
            |config| config.asset("/switchboard/msgpack.js", "text/javascript", "another"),
            "the browser's module for MessagePack",
        ),
        (|config| config.path("/"), "the page"),
        (
            |config| config.files("/switchboard", env!("CARGO_MANIFEST_DIR")),
            "a folder",
        ),
        (|config| config.files("/f/", env!("CARGO_MANIFEST_DIR")), "the folders"),
    ];
    for (set, words) in cases {
        let mut config = HttpConfig::default();
        config.page("page");
        config.files("/f", here());
        assert!(config.check().is_ok());
        set(&mut config);
        let error = config.check().expect_err(words).to_string();
        assert!(error.contains("twice") && error.contains(words), "{error}");
    }
}
