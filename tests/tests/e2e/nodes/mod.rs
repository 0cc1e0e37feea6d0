//! Nodes as they are: limited, dear, late, lying, away, and chains that take blocks back.

mod audit;
mod audit_patient;
mod audit_with_keys;
mod check_node;
mod finality;
mod gas;
mod limited_nodes;
mod lying_node;
mod node_outages;
mod reorganisations;
mod transactions;
