mod foreign;
mod law;
mod properties;
mod table;
