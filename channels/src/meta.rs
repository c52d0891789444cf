//! What the channels of one vendor family share: signature over raw bytes and the error envelope.
