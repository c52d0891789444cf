//! The WebSocket door (the only room that knows actix-web-actors).
