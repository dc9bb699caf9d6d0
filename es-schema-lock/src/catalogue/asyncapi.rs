//! The catalogue as an `AsyncAPI` 3 document: a channel for each aggregate, a message for each version of an event, and who sends
//! and receives them.

use super::{Catalogue, Described, Key, json_schema};
use serde_json::{Map, Value, json};

pub(super) fn document(catalogue: &Catalogue) -> Value {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for (name, described) in &catalogue.aggregates {
        let channel = Key::plain(name).0;
        let mut of_channel = Map::new();
        for event in described.events {
            for (version, node) in (1..).zip(event.shapes) {
                let key = Key::of(event.name, version).0;
                let reference = json!({ "$ref": format!("#/components/messages/{key}") });
                of_channel.insert(key.clone(), reference);
                let message = json!({
                    "name": event.name,
                    "title": format!("{} v{version}", event.name),
                    "contentType": described.content_type,
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-07",
                        "schema": json_schema::document(event.name, version, node),
                    },
                });
                messages.insert(key, message);
            }
        }
        channels.insert(
            channel.clone(),
            json!({
                "address": format!("{}/{{id}}", described.category),
                "description": format!("The streams of the aggregate {name}."),
                "parameters": { "id": { "description": "The id of the stream." } },
                "messages": of_channel,
            }),
        );
        // New events have the newest version.
        let newest: Vec<Value> = described
            .events
            .iter()
            .filter(|event| !event.shapes.is_empty())
            .map(|event| message_of(&channel, event.name, event.shapes.len()))
            .collect();
        operations.insert(
            format!("{channel}.append"),
            operation(
                "send",
                &channel,
                &newest,
                &format!("{name} appends its events."),
            ),
        );
        for reader in &catalogue.readers {
            let read = read_by(described, &channel, |event| reader.reads(event));
            if !read.is_empty() {
                let said = format!(
                    "The {} {} reads events of {name}.",
                    reader.kind, reader.name
                );
                let kind = Key::plain(&reader.kind);
                operations.insert(
                    format!("{kind}.{}.{channel}", Key::plain(&reader.name)),
                    operation("receive", &channel, &read, &said),
                );
            }
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": catalogue.title,
            "version": "1.0.0",
            "description": "The events that the application stores. A message is one version of an event.",
        },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

fn message_of(channel: &str, event: &str, version: usize) -> Value {
    let key = Key::of(event, version);
    json!({ "$ref": format!("#/channels/{channel}/messages/{key}") })
}

/// All versions of the events: a reader gets old ones, too.
fn read_by(described: &Described, channel: &str, reads: impl Fn(&str) -> bool) -> Vec<Value> {
    let events = described.events.iter().filter(|event| reads(event.name));
    let versions = events.flat_map(|event| {
        (1..=event.shapes.len()).map(|version| message_of(channel, event.name, version))
    });
    versions.collect()
}

fn operation(action: &str, channel: &str, messages: &[Value], summary: &str) -> Value {
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "summary": summary,
        "messages": messages,
    })
}
