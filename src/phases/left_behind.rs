//! What a migration leaves behind, said before it begins and again at its end.
//! It settles nothing: the selection and the facts did.

use super::Scene;
use super::roles::missing_roles;
use crate::database_settings;
use crate::postgres::full_name;
use crate::report::some_of;

/// Names in one sentence, at most.
const NAMED: usize = 10;

/// Each a sentence.
pub fn left_behind(scene: &Scene<'_>) -> Vec<String> {
    let selection = &scene.selection;
    let relations = |relations: &std::collections::BTreeSet<(String, String)>| {
        let names = relations
            .iter()
            .map(|(schema, name)| full_name(schema, name));
        names.collect::<Vec<_>>()
    };
    let schemas = selection.excluded_schemas().iter().cloned().collect();
    let missing = missing_roles(scene);
    let roles = missing.iter().filter(|role| role.login);
    let kept = scene.facts.source.roles.iter().filter(|role| {
        let made = missing.iter().any(|one| one.name == role.name);
        !made && !role.settings.is_empty()
    });
    let database = scene.facts.source.database.settings.iter();
    let carried = database.chain(missing.iter().flat_map(|role| &role.settings));
    let kinds: [(&str, Vec<String>); 6] = [
        ("schemas left out", schemas),
        (
            "relations left out",
            relations(selection.excluded_relations()),
        ),
        ("rows left out", relations(selection.without_rows())),
        (
            "passwords of the roles that are made",
            roles.map(|role| role.name.clone()).collect(),
        ),
        (
            "settings that ALTER ROLE … SET made for every database, of roles that are not made",
            kept.map(|role| role.name.clone()).collect(),
        ),
        (
            "settings that the target does not take",
            database_settings::not_taken(&scene.facts.target, carried),
        ),
    ];
    let mut all: Vec<String> = kinds
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{what}: {}", some_of(&names, NAMED))
        })
        .collect();
    if !scene.resolved.copy.owners && scene.moves_structure() {
        all.push(
            "owners, privileges and settings of the database: copy.owners is false".to_owned(),
        );
    }
    all.extend(scene.facts.source.not_carried.iter().cloned());
    all
}
