//! What GenAI libraries say about databases: vector stores are asked questions, and hold documents.

use super::*;

/// What the span of a vector store's method keeps, and its name. The second round makes a plan, the third one uses it.
fn sent(scope: &'static str, pairs: &[(&'static str, Value<'_>)]) -> (Vec<String>, String) {
    let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
    let mut rounds = (0..3).map(|_| {
        let mut span = span_of(pairs);
        span.name = "query docs".into();
        span.scope = scope.into();
        let span = planning.translate(&mut span);
        let keys = span.attributes.iter().map(|(key, _)| key.to_owned());
        (keys.collect(), span.name.into_owned())
    });
    let first = rounds.next().unwrap();
    assert!(rounds.all(|round| round == first));
    first
}

/// OpenLIT records texts under the conventions' names, and filters and documents even in the summary.
#[test]
fn what_a_library_asks_a_database_is_content() {
    let query = "texts=['where is my diagnosis']";
    let summary = "query docs n_results=1 texts=['where is my diagnosis'] filter=None";
    let pairs = [
        ("db.system.name", Value::Str("chroma")),
        ("db.operation.name", Value::Str("query")),
        ("db.collection.name", Value::Str("docs")),
        ("db.query.text", Value::Str(query)),
        ("db.statement", Value::Str(query)),
        ("db.query.summary", Value::Str(summary)),
        ("db.metadata", Value::Str("{'patient': 'hunter2'}")),
        ("db.vector.query.top_k", Value::Integer(1)),
    ];
    let kept = [
        "db.system.name",
        "db.operation.name",
        "db.collection.name",
        "db.vector.query.top_k",
    ];
    for scope in ["openlit.otel.tracing", "@openlit/chroma"] {
        let (keys, name) = sent(scope, &pairs);
        assert_eq!(
            (&*keys, &*name),
            (&kept.map(str::to_owned)[..], "query docs")
        );
    }
}

/// OpenLLMetry's for Weaviate records the objects that are stored.
#[test]
fn what_a_library_stores_in_a_database_is_content() {
    let object = Value::Str(r#"{"note":"my diagnosis"}"#);
    let pairs = [
        ("db.system", Value::Str("weaviate")),
        ("db.operation", Value::Str("insert")),
        ("weaviate.collections.data.insert.properties", object),
        (
            "db.weaviate.collections.batch.add_object.properties",
            object,
        ),
        ("db.weaviate.batch.add_data_object.data_object", object),
        (
            "db.weaviate.batch.add_data_object.class_name",
            Value::Str(r#""Note""#),
        ),
    ];
    let (keys, _) = sent("opentelemetry.instrumentation.weaviate", &pairs);
    let class = "db.weaviate.batch.add_data_object.class_name";
    assert_eq!(keys, ["db.system", "db.operation", class]);
}

/// The libraries of databases record statements, which usually have placeholders.
#[test]
fn the_statements_of_other_spans_are_no_content() {
    let pairs = [
        ("db.system.name", Value::Str("postgresql")),
        ("db.query.text", Value::Str("SELECT name FROM cities")),
        ("db.statement", Value::Str("SELECT name FROM cities")),
        ("db.query.summary", Value::Str("SELECT cities")),
    ];
    let (keys, name) = sent("sqlx::query", &pairs);
    assert_eq!(keys, pairs.map(|(key, _)| key));
    assert_eq!(name, "SELECT cities");
}

/// Langtrace records all arguments of a vector database's method.
#[test]
fn a_librarys_query_may_be_content() {
    let arguments = [("db.query", Value::Str(r#"{"query_texts":["hunter2"]}"#))];
    let sql = [("db.query", Value::Str("SELECT name FROM cities"))];
    assert_eq!(
        kept(Provenance::Library, CAPTURE_NOTHING, &arguments),
        [""; 0]
    );
    assert_eq!(kept(Provenance::Other, CAPTURE_NOTHING, &sql), ["db.query"]);
    let langtrace = "langtrace_python_sdk.instrumentation.chroma.instrumentation";
    let (keys, _) = sent(langtrace, &arguments);
    assert_eq!(keys, [""; 0]);
}
