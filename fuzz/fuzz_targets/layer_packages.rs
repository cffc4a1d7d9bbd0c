#![no_main]
libfuzzer_sys::fuzz_target!(|database: &[u8]| {
    for manager in [layer::PackageManager::Dpkg, layer::PackageManager::Apk, layer::PackageManager::Rpm] {
        let packages = manager.installed(database).unwrap_or_default();
        assert!(packages.iter().all(|package| !package.name.is_empty() && !package.version.is_empty()));
        assert!(layer::PackageDifference::between(&packages, &packages).is_empty());
    }
});
