//! Everything held about a person as one JSON document, page by page: nobody has to hold all of it at once.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde_json::{Value, json};

use super::Switchboard;
use crate::domain::erasures::{Search, Subject};
use crate::domain::files::File;
use crate::store::StoreError;
use crate::store::exports::Held;
use crate::store::tables::{Holds, TABLES, Table};

/// Tables of texts that may name a person, beside the tables of their own rows.
const TEXTS: [&str; 3] = ["events", "deliveries", "webhook_deliveries"];

/// How far an export has come.
struct Export {
    switchboard: Switchboard,
    workspace_id: String,
    subject: Subject,
    search: Search,
    /// What comes before the next page.
    head: String,
    /// The part that is written, and where in it.
    part: usize,
    place: Option<String>,
    /// Whether the part has a row already.
    has_rows: bool,
    /// Files that are written already.
    files: HashSet<String>,
}

impl Switchboard {
    /// Everything held about a contact's person, as pieces of one JSON document that ends with `"complete":true`; none:
    /// there is no such contact.
    ///
    /// # Errors
    /// The database is not available; a stream that ends with an error is not complete.
    pub async fn export_contact(
        &self,
        workspace_id: &str,
        contact_id: &str,
    ) -> Result<Option<impl Stream<Item = Result<Bytes, StoreError>> + use<>>, StoreError> {
        let Some(person) = self.store.person(workspace_id, contact_id).await? else { return Ok(None) };
        let Some(subject) = self.store.subject(workspace_id, contact_id).await? else { return Ok(None) };
        let search = self.store.search_for(workspace_id, &subject).await?;
        let head = format!(r#"{{"exported_at":{},"contact":{}"#, self.now(), json!(person));
        let export = Export {
            switchboard: self.clone(),
            workspace_id: workspace_id.to_owned(),
            subject,
            search,
            head,
            part: 0,
            place: Some(String::new()),
            has_rows: false,
            files: HashSet::new(),
        };
        Ok(Some(try_unfold(Some(export), |export| async move {
            let Some(mut export) = export else { return Ok(None) };
            let piece = export.next().await?;
            let is_over = export.part > parts().count();
            Ok(Some((piece, (!is_over).then_some(export))))
        })))
    }
}

/// The tables that are written, in order.
fn parts() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| matches!(table.holds, Holds::Rows { .. }) || TEXTS.contains(&table.name))
}

impl Export {
    /// The next piece.
    async fn next(&mut self) -> Result<Bytes, StoreError> {
        let mut piece = std::mem::take(&mut self.head);
        let Some(table) = parts().nth(self.part) else {
            self.part += 1;
            piece.push_str(r#","complete":true}"#);
            return Ok(piece.into());
        };
        let place = self.place.take().unwrap_or_default();
        if place.is_empty() {
            piece.push_str(&format!(r#","{}":["#, table.name));
            self.has_rows = false;
        }
        let Held { mut rows, next } = self.page(table, &place).await?;
        if table.name == "files" {
            self.add_files(&mut rows, next.is_none()).await?;
        }
        for row in rows {
            if std::mem::replace(&mut self.has_rows, true) {
                piece.push(',');
            }
            piece.push_str(&row.to_string());
        }
        if next.is_none() {
            piece.push(']');
            self.part += 1;
        }
        self.place = next;
        Ok(piece.into())
    }

    async fn page(&self, table: &Table, place: &str) -> Result<Held, StoreError> {
        let store = &self.switchboard.store;
        if TEXTS.contains(&table.name) {
            return store.held_texts(&self.workspace_id, &self.search, table.name, place).await;
        }
        store.held_rows(&self.workspace_id, &self.subject, table, place).await
    }

    /// Says where each file can be fetched for a while, and at the end adds those that messages name.
    async fn add_files(&mut self, rows: &mut Vec<Value>, at_end: bool) -> Result<(), StoreError> {
        let switchboard = self.switchboard.clone();
        let link = |file: &File| switchboard.file_link(&self.workspace_id, file);
        for row in rows.iter_mut() {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let (Some(file), Some(row)) =
                (switchboard.store.file(&self.workspace_id, &id).await?, row.as_object_mut())
            {
                row.insert("url".to_owned(), json!(link(&file)));
            }
            self.files.insert(id);
        }
        if !at_end {
            return Ok(());
        }
        for id in switchboard.store.named_files(&self.workspace_id, &self.subject).await? {
            if let Some(file) =
                switchboard.store.file(&self.workspace_id, &id).await?.filter(|_| !self.files.contains(&id))
            {
                rows.push(json!({
                    "id": file.id, "sha256": file.sha256, "size": file.size, "mime_type": file.mime_type,
                    "filename": file.filename, "url": link(&file),
                }));
            }
        }
        Ok(())
    }
}
