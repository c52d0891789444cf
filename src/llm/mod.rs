//! Language models behind one shape: built-in ones and OpenAI-compatible endpoints.
