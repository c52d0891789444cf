//! What is counted beside the database: each promise in this process's memory and in a real Redis.

mod limits;
