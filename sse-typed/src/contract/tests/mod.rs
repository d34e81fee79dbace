mod foreign;
mod law;
mod pairs;
mod properties;
mod table;
