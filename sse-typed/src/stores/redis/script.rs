use redis::{Cmd, Script, Value};

use super::commands::{CallError, Commands};

/// A script that the server knows by its hash after the first call.
#[derive(Debug)]
pub(super) struct ServerScript {
    code: &'static str,
    hash: String,
}

impl ServerScript {
    pub(super) fn new(code: &'static str) -> Self {
        Self { code, hash: Script::new(code).get_hash().to_owned() }
    }

    /// Runs it with these arguments: the number of keys, the keys, and the rest.
    pub(super) async fn call(&self, commands: &Commands, arguments: impl Fn(&mut Cmd)) -> Result<Value, CallError> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash);
        arguments(&mut command);
        match commands.call(&command).await {
            // As after a restart or a fail-over. Nothing was executed.
            Err(CallError::NotExecuted(error)) if error.is_unknown_script() => {
                let mut command = redis::cmd("EVAL");
                command.arg(self.code);
                arguments(&mut command);
                commands.call(&command).await
            }
            reply => reply,
        }
    }
}
